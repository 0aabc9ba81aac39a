"""Which of the host's own tests do not hold with this app installed, and why.

Each asserts that the work is done before the request is answered; here it is answered
at once, and the work is done by a worker. Nothing else may be on this list.
"""

_SHARED = (
    "Asserts in the answer to the click what the other TOM said; the click is answered "
    "before the other TOM is asked, and the page of the share tells what it said."
)

_RECEIVED = (
    "Asserts in the answer to an upload what became of the file; that is answered "
    "before the file is read. With PROCESS_IN_REQUEST it holds."
)

_UPLOADS = "tom_dataproducts.tests.test_api.TestDataProductViewset"
_SHARES = "tom_dataproducts.tests.tests.TestShareDataProducts"
_TARGET_LISTS = "tom_targets.tests.tests.TestShareTargetList"
_TARGETS = "tom_targets.tests.tests.TestShareTargets"

EXCEPTIONS: dict[str, str] = {
    f"{_UPLOADS}.test_data_product_upload_duplicate_product_id_is_skipped": _RECEIVED,
    f"{_UPLOADS}.test_data_product_upload_failed_processing": _RECEIVED,
    f"{_UPLOADS}.test_data_product_upload_for_observation": _RECEIVED,
    f"{_UPLOADS}.test_data_product_upload_for_target": _RECEIVED,
    f"{_SHARES}.test_share_dataproduct_no_valid_responses": _SHARED,
    f"{_SHARES}.test_share_dataproduct_valid_target_found": _SHARED,
    f"{_SHARES}.test_share_reduced_datums_invalid_responses": _SHARED,
    f"{_SHARES}.test_share_reduced_datums_no_valid_responses": _SHARED,
    f"{_SHARES}.test_share_reduced_datums_valid_responses": _SHARED,
    f"{_SHARES}.test_share_reduceddatums_target_no_valid_responses": _SHARED,
    f"{_SHARES}.test_share_reduceddatums_target_valid_responses": _SHARED,
    f"{_TARGET_LISTS}.test_share_group_no_valid_responses": _SHARED,
    f"{_TARGET_LISTS}.test_share_group_valid_connection_selected_target_not_found": (
        _SHARED
    ),
    f"{_TARGET_LISTS}.test_share_reduceddatums_group_valid_responses": _SHARED,
    f"{_TARGETS}.test_share_reduceddatums_target_valid_responses": _SHARED,
    f"{_TARGETS}.test_share_target_valid_connection_multiple_target_found": _SHARED,
    f"{_TARGETS}.test_share_target_valid_connection_no_target_found": _SHARED,
}
"""The full name of each test, and the reason."""
