"""Writes the description of the REST API anew from the code; `make openapi` calls it.

The description is kept in the package and served by it, so that a TOM needs neither a
generator nor a line in its settings. `tests/test_openapi.py` fails when it is stale.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DESCRIPTION = ROOT / "tom_share_worker" / "status" / "api" / "openapi.json"

INTRODUCTION = (
    "Ask a TOM to share targets and data with another TOM, and follow what became of "
    "it; follow what became of the data products that came in; act on many at once; "
    "pause destinations. Everything is sent and processed in the background: no answer "
    "waits for it."
)

SETTINGS = {
    "TITLE": "Sharing of a TOM",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "DESCRIPTION": INTRODUCTION,
    "SCHEMA_PATH_PREFIX": "/",
    "SCHEMA_PATH_PREFIX_INSERT": "/api",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        name: f"tom_share_worker.models.{place}"
        for name, place in {
            "ShareStatus": "Share.Status",
            "ShareKind": "Share.Kind",
            "Origin": "Share.Origin",
            "DeliveryStatus": "Delivery.Status",
            "DeliveryKind": "Delivery.Kind",
            "Failure": "Failure",
            "JobStatus": "IngestJob.Status",
            "IngestOrigin": "IngestJob.Origin",
            "IngestFailure": "IngestFailure",
            "Outcome": "Attempt.Outcome",
            "BulkVerb": "BulkAction.Verb",
            "BulkRows": "BulkAction.Rows",
        }.items()
    },
}

SENTENCE = {
    "type": "object",
    "required": ["detail"],
    "properties": {"detail": {"type": "string", "description": "What is wrong."}},
}
SENTENCES_BY_FIELD = {
    "type": "object",
    "additionalProperties": {"type": "array", "items": {"type": "string"}},
}
REFUSALS = {
    "400": ("FieldErrors", "What is wrong, by field."),
    "401": ("Error", "Nobody is logged in, or the token is not good."),
    "403": ("Error", "This account may see it, but not act on it."),
    "404": ("Error", "There is none, or it is not for this account to see."),
    "409": ("Error", "It is not in a state for this."),
    "422": ("Error", "The key came with another request before."),
}

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "maxLength": 200},
    "description": "A name for this request: a repeat of it shares nothing twice.",
}

_OPERATIONS = """
get  /shares/                     400,401         List shares, the newest first
post /shares/                     400,401,422     Ask for a share
get  /shares/{id}/                401,404         Follow a share
post /shares/{id}/retry/          401,403,404,409 Send again what did not arrive
post /shares/{id}/cancel/         401,403,404,409 Send no more of a share
get  /deliveries/                 400,401         List deliveries, the newest first
get  /deliveries/{id}/            401,404         Look at a delivery
post /deliveries/{id}/retry/      401,403,404,409 Send a delivery again
get  /ingest-jobs/                400,401         List incoming data, the newest first
get  /ingest-jobs/{id}/           401,404         Follow incoming data
post /ingest-jobs/{id}/reprocess/ 401,403,404,409 Process incoming data again
post /ingest-jobs/{id}/cancel/    401,403,404,409 Do not process incoming data
get  /bulk-actions/               400,401         List bulk actions, the newest first
post /bulk-actions/               400,401         Act on all that match
get  /bulk-actions/{id}/          401,404         Follow a bulk action
post /bulk-actions/{id}/cancel/   401,404,409     Go through no more rows
get  /destinations/               400,401,403     List destinations
get  /destinations/{key}/         400,401,403,404 Say how a destination stands
post /destinations/{key}/pause/   400,401,403,404,409 Send nothing to a destination
post /destinations/{key}/resume/  400,401,403,404,409 Send to a destination again
post /destinations/{key}/test/    400,401,403,404 Test a connection
"""
"""Method, address below `/api`, refusals, and what it does in a line."""

OPERATIONS = {
    (method, f"/api{path}"): (title, refusals.split(","))
    for method, path, refusals, title in (
        line.split(maxsplit=3) for line in _OPERATIONS.strip().splitlines()
    )
}
"""What each operation does, in a line, and the refusals it may answer with."""


def describe() -> str:
    """Return the description as the file holds it."""
    from django.conf import settings
    from django.test.utils import override_settings

    generator = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
    with override_settings(REST_FRAMEWORK=settings.REST_FRAMEWORK | generator):
        found = _generated()
    _complete(found)
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _generated() -> dict[str, Any]:
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.settings import patched_settings
    from rest_framework.routers import SimpleRouter

    from tom_share_worker import urls

    _tell_what_code_does_not()
    router = SimpleRouter()
    for name, viewset in urls.API.items():
        router.register(name, _described(viewset), name)
    with patched_settings(SETTINGS):
        found: dict[str, Any] = SchemaGenerator(patterns=router.urls).get_schema(
            public=True
        )
    return found


def _tell_what_code_does_not() -> None:
    """Give the generator the types of fields that it cannot guess."""
    from drf_spectacular.utils import extend_schema_field

    from tom_share_worker.status.api import asked, serializers

    entries = serializers.LedgerEntrySerializer(many=True)
    extend_schema_field(entries)(serializers.DeliveryDetailSerializer.get_ledger)
    ids = {"type": "integer", "minimum": 1}
    bounds = {"minItems": 1, "maxItems": asked.MOST_IDS}
    extend_schema_field({"type": "array", "items": ids, **bounds})(asked.IdList)


def _described(viewset: type) -> Any:
    """Return a viewset as the generator needs it; the app's own stays as it is."""
    from drf_spectacular.openapi import AutoSchema
    from drf_spectacular.utils import extend_schema, extend_schema_view

    from tom_share_worker.status.api import (
        asked,
        bulk_actions,
        destinations,
        serializers,
    )

    described = type(viewset.__name__, (viewset,), {"schema": AutoSchema()})
    shown = serializers.ShareDetailSerializer
    bulk, steered = (
        bulk_actions.BulkActionSerializer,
        destinations.DestinationSerializer,
    )
    creating = {
        "ShareViewSet": extend_schema(
            request=asked.ShareRequestSerializer, responses={201: shown, 200: shown}
        ),
        "BulkActionViewSet": extend_schema(
            request=bulk_actions.BulkActionRequestSerializer, responses={201: bulk}
        ),
    }
    details = {
        "create": creating.get(viewset.__name__),
        "pause": extend_schema(request=destinations.PauseSerializer),
        "test": extend_schema(request=None, responses={202: steered}),
        **dict.fromkeys(WITHOUT_BODY, extend_schema(request=None)),
    }
    known = {name: how for name, how in details.items() if hasattr(viewset, name)}
    return extend_schema_view(**known)(described)


WITHOUT_BODY = ("retry", "cancel", "reprocess", "resume")
ACTS = (*WITHOUT_BODY, "pause", "test")
"""What is done with a row, by a POST."""


def _complete(found: dict[str, Any]) -> None:
    """Add titles, refusals and the header, and give operations their names."""
    schemas = found["components"]["schemas"]
    schemas |= {"Error": SENTENCE, "FieldErrors": SENTENCES_BY_FIELD}
    for name in ("Failure", "IngestFailure", "Outcome"):
        schemas[name]["enum"].append("")  # of what has not failed, or not ended
    for kind in ("Share", "Delivery", "IngestJob", "BulkAction", "Destination"):
        name = f"Paginated{kind}List"
        for link in ("next", "previous"):  # the framework speaks of them as in 3.0
            schemas[name]["properties"][link] = {
                "type": ["string", "null"],
                "format": "uri",
            }
    for (method, path), (title, refusals) in OPERATIONS.items():
        operation = found["paths"][path][method]
        operation["summary"] = title
        name = operation["operationId"]
        for act in ACTS:
            name = name.replace(f"{act}_create", act)
        operation["operationId"] = name
        for code in refusals:
            schema, why = REFUSALS[code]
            content = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
            operation["responses"][code] = {
                "description": why,
                "content": {"application/json": content},
            }
    asking = found["paths"]["/api/shares/"]["post"]
    asking["parameters"] = [IDEMPOTENCY_KEY]
    bulk = found["paths"]["/api/bulk-actions/"]["post"]
    for post, what in ((asking, "the share"), (bulk, "the bulk action")):
        post["responses"]["201"] |= {
            "description": "It is asked for.",
            "headers": {
                "Location": {
                    "description": f"Where to follow {what}.",
                    "schema": {"type": "string", "format": "uri"},
                }
            },
        }
    asking["responses"]["200"]["description"] = "It was asked for before by this key."


def main() -> None:
    """Write the file."""
    sys.path[:0] = [str(ROOT), str(ROOT / "deploy" / "demo")]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_tom.settings")
    import django

    django.setup()
    DESCRIPTION.write_text(describe())


if __name__ == "__main__":
    main()
