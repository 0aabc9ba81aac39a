"""The host's REST API of persistent shares, at the host's addresses.

As the host's, with these differences: `share_existing_data` makes a share that is sent
in the background; destinations are those of the settings now; nobody sees persistent
shares of targets they may not view, or makes one in the name of another person.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.http import Http404
from rest_framework import generics, permissions, serializers

from tom_share_worker import toolkit
from tom_share_worker.delivery import permissions as sharing
from tom_share_worker.delivery.continuous import persistent
from tom_share_worker.exceptions import ShareRefused
from tom_share_worker.status.api.choices import Choice
from tom_share_worker.status.persistent import overview as rows

APP = toolkit.PersistentShare._meta.app_label


class _Serializer(serializers.ModelSerializer[Any]):
    """A persistent share in the words of the host."""

    destination = Choice(choices=[])
    target = serializers.PrimaryKeyRelatedField(
        queryset=toolkit.PersistentShare.objects.none()  # replaced for each request
    )
    share_existing_data = serializers.BooleanField(default=False, write_only=True)

    class Meta:
        model = toolkit.PersistentShare
        fields = (
            *("id", "target", "destination", "user", "created"),
            "share_existing_data",
        )
        read_only_fields = ("user", "created")

    def get_fields(self) -> dict[str, Any]:
        """Offer what this person may share, and with whom, at this moment."""
        fields: dict[str, Any] = super().get_fields()
        user = self.context["request"].user
        fields["destination"].choices = sharing.destinations(user)
        fields["target"].queryset = toolkit.permitted_targets(user, "change_target")
        return fields

    def create(self, validated_data: dict[str, Any]) -> Any:
        """Make it, and if asked a share of what there is."""
        with _told():
            return persistent.make(
                self.context["request"].user,
                validated_data["destination"],
                validated_data["target"],
                existing=validated_data["share_existing_data"],
            )

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        """Let it concern another target or destination."""
        with _told():
            persistent.change(
                instance,
                self.context["request"].user,
                validated_data.get("destination", instance.destination),
                validated_data.get("target", instance.target),
            )
        return instance


@contextmanager
def _told() -> Iterator[None]:
    """Turn a refusal into the API's answer 400 with its reason."""
    try:
        yield
    except ShareRefused as error:
        raise serializers.ValidationError({"non_field_errors": [str(error)]}) from error


class _ModelPermission(permissions.DjangoModelPermissions):
    """The host's permissions on persistent shares, the one to view them, too."""

    perms_map = {
        "GET": [f"{APP}.view_persistentshare"],
        "OPTIONS": [],
        "HEAD": [f"{APP}.view_persistentshare"],
        "POST": [f"{APP}.add_persistentshare"],
        "PUT": [f"{APP}.change_persistentshare"],
        "PATCH": [f"{APP}.change_persistentshare"],
        "DELETE": [f"{APP}.delete_persistentshare"],
    }


class _TargetPermission(permissions.BasePermission):
    """Who may not change a target may not see or change how it is shared."""

    message = "Persistent Share access for this Target is not allowed"

    def has_permission(self, request: Any, view: Any) -> bool:
        """Ask for the target that the address names, if it names one."""
        target_pk = view.kwargs.get("target_pk")
        if target_pk is None:
            return True
        if toolkit.full_target(target_pk) is None:
            raise Http404
        return toolkit.may_change_target(request.user, target_pk)

    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        """Ask for the target of the persistent share."""
        return toolkit.may_change_target(request.user, obj.target_id)


class _View(generics.GenericAPIView[Any]):
    serializer_class = _Serializer
    permission_classes = (_ModelPermission, _TargetPermission)

    def get_queryset(self) -> Any:
        """Return those of targets the person may view; of one, if so asked."""
        return rows.visible(self.request.user, self.kwargs.get("target_pk"))


class PersistentShares(_View, generics.ListCreateAPIView[Any]):
    """All persistent shares, and the making of one."""


class PersistentSharesOfTarget(_View, generics.ListAPIView[Any]):
    """The persistent shares of one target."""


class PersistentShare(_View, generics.RetrieveUpdateDestroyAPIView[Any]):
    """One persistent share."""

    http_method_names = ["get", "patch", "delete", "head", "options"]
