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
    "it; and follow what became of the data products that came in. Everything is sent "
    "and processed in the background: no answer waits for it."
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
            "IngestStatus": "IngestJob.Status",
            "IngestOrigin": "IngestJob.Origin",
            "IngestFailure": "IngestFailure",
            "Outcome": "Attempt.Outcome",
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

OPERATIONS = {
    ("get", "/api/shares/"): ("List shares, the newest first", "400 401"),
    ("post", "/api/shares/"): ("Ask for a share", "400 401 422"),
    ("get", "/api/shares/{id}/"): ("Follow a share", "401 404"),
    ("post", "/api/shares/{id}/retry/"): (
        "Send again what did not arrive",
        "401 403 404 409",
    ),
    ("post", "/api/shares/{id}/cancel/"): (
        "Send no more of a share",
        "401 403 404 409",
    ),
    ("get", "/api/deliveries/"): ("List deliveries, the newest first", "400 401"),
    ("get", "/api/deliveries/{id}/"): ("Look at a delivery", "401 404"),
    ("post", "/api/deliveries/{id}/retry/"): (
        "Send a delivery again",
        "401 403 404 409",
    ),
    ("get", "/api/ingest-jobs/"): ("List incoming data, the newest first", "400 401"),
    ("get", "/api/ingest-jobs/{id}/"): ("Follow incoming data", "401 404"),
    ("post", "/api/ingest-jobs/{id}/reprocess/"): (
        "Process incoming data again",
        "401 403 404 409",
    ),
    ("post", "/api/ingest-jobs/{id}/cancel/"): (
        "Do not process incoming data",
        "401 403 404 409",
    ),
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

    from tom_share_worker.status.api import asked, serializers

    described = type(viewset.__name__, (viewset,), {"schema": AutoSchema()})
    shown = serializers.ShareDetailSerializer
    details = {
        "create": extend_schema(
            request=asked.ShareRequestSerializer, responses={201: shown, 200: shown}
        ),
        "retry": extend_schema(request=None),
        "cancel": extend_schema(request=None),
        "reprocess": extend_schema(request=None),
    }
    known = {name: how for name, how in details.items() if hasattr(viewset, name)}
    return extend_schema_view(**known)(described)


def _complete(found: dict[str, Any]) -> None:
    """Add titles, refusals and the header, and give operations their names."""
    schemas = found["components"]["schemas"]
    schemas |= {"Error": SENTENCE, "FieldErrors": SENTENCES_BY_FIELD}
    for name in ("Failure", "IngestFailure", "Outcome"):
        schemas[name]["enum"].append("")  # of what has not failed, or not ended
    for kind in ("Share", "Delivery", "IngestJob"):
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
        for act in ("retry", "cancel", "reprocess"):
            name = name.replace(f"{act}_create", act)
        operation["operationId"] = name
        for code in refusals.split():
            schema, why = REFUSALS[code]
            content = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
            operation["responses"][code] = {
                "description": why,
                "content": {"application/json": content},
            }
    asking = found["paths"]["/api/shares/"]["post"]
    asking["parameters"] = [IDEMPOTENCY_KEY]
    asking["responses"]["201"]["description"] = "It is asked for."
    asking["responses"]["200"]["description"] = "It was asked for before by this key."
    asking["responses"]["201"]["headers"] = {
        "Location": {
            "description": "Where to follow the share.",
            "schema": {"type": "string", "format": "uri"},
        }
    }


def main() -> None:
    """Write the file."""
    sys.path[:0] = [str(ROOT), str(ROOT / "deploy" / "demo")]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_tom.settings")
    import django

    django.setup()
    DESCRIPTION.write_text(describe())


if __name__ == "__main__":
    main()
