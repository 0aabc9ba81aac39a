"""Door for Django and TOM Toolkit: what the app adds to a TOM; it only gathers."""

from __future__ import annotations

from typing import Any

from celery import _state as celery_state
from django.apps import AppConfig


class TomShareWorkerConfig(AppConfig):
    """Asynchronous sharing for TOM Toolkit."""

    name = "tom_share_worker"
    verbose_name = "Sharing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Bring Celery to life, register the system checks, take over saved data."""
        own = celery_state.get_current_app()
        if _is_makeshift(own):
            from tom_share_worker import celery  # noqa: F401
        elif _is_makeshift(celery_state.default_app):  # type: ignore[attr-defined]
            # Known to this thread only, while requests and hints have their own.
            own.set_default()
        from tom_share_worker import checks, presence, tasks  # noqa: F401
        from tom_share_worker.delivery.continuous import saved
        from tom_share_worker.toolkit import hooks

        presence.connect()
        # Here and not in `delivery`: what receives data must not know what sends it.
        hooks.take_over_continuous_sharing(saved.on_save, saved.share)

    def include_url_paths(self) -> list[Any]:
        """Integration point of the host: patterns that come before its own.

        An AttributeError in here would make the host serve its own, synchronous share
        views without a word; a system check looks whether ours have won.
        """
        from tom_share_worker import urls

        return urls.host_patterns()

    def nav_items(self) -> list[dict[str, str]]:
        """Integration point of the host: entries of the navigation bar."""
        return [{"partial": "tom_share_worker/partials/navbar_item.html"}]

    def target_detail_tabs(self) -> list[dict[str, str]]:
        """Integration point of the host: tabs on the page of a target."""
        return [
            {
                "partial": "tom_share_worker/partials/target_tab.html",
                "context": "tom_share_worker.status.target_tab.of_page",
                "label": "Sharing",
            }
        ]

    def sharing_backends(self) -> list[dict[str, str]]:
        """Integration point of the host's next release: who shares, by class."""
        return [{"class": "tom_share_worker.delivery.asking.backend.BackgroundSharing"}]


def _is_makeshift(app: Any) -> bool:
    """True for the app that Celery makes up when it is asked for one and has none."""
    return bool(app.main == "default" and not app.set_as_current)
