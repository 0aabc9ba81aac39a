"""Door for templates: `{% load tom_share_worker %}`; it only gathers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

from tom_share_worker.status import badge

register = template.Library()


@register.simple_tag(takes_context=True)
def unseen_failures(context: Mapping[str, Any]) -> badge.Unseen:
    """Count what of the reader's own failed and was not seen yet."""
    request = context.get("request")
    return badge.Unseen() if request is None else badge.of(request)
