"""`manage.py seed_demo`: makes a demo TOM's database, accounts, targets and data.

Called by `make demo` and, by hand, before the Procfile's TOM is started. A TOM that has
the accounts already is left as it is.
"""

from argparse import ArgumentParser
from io import BytesIO
from typing import Any

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.core.management.base import BaseCommand
from guardian.shortcuts import assign_perm
from PIL import Image
from tom_dataproducts.data_processor import run_data_processor
from tom_dataproducts.models import (
    DataProduct,
    PhotometryReducedDatum,
    SpectroscopyReducedDatum,
)
from tom_targets.models import Target, TargetList

from sample_data import science
from sample_data.accounts import ADMIN, ASTRONOMER, PARTNER, Account


class Command(BaseCommand):
    """Fill a TOM that shares, or prepare one that receives."""

    help = "Makes a demo TOM's database and accounts and, unless it receives, its data."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the TOM is to be."""
        parser.add_argument(
            "--receiver",
            action="store_true",
            help="Make accounts only: the administrator, and the one shares use.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is not there yet."""
        call_command("migrate", verbosity=0)
        if User.objects.filter(username=ADMIN.username).exists():
            self.stdout.write("The sample accounts and data are there already.")
            return
        make_account(ADMIN)
        if options["receiver"]:
            make_account(PARTNER)
        else:
            make_data(make_account(ASTRONOMER))
        self.stdout.write("Made the sample accounts and data.")


def make_account(account: Account) -> User:
    """Make one account that can log in."""
    create = User.objects.create_user
    if account.is_superuser:
        create = User.objects.create_superuser
    return create(account.username, f"{account.username}@example.org", account.password)


def make_data(owner: User) -> None:
    """Make the survey's targets, its list, their measurements and files."""
    followed = add_event(science.FOLLOWED, owner)
    add_product(followed, "finding-chart.png", "image_file", finding_chart())

    season = [add_event(event, owner) for event in science.SEASON]
    season.append(add_target(owner, **science.COMET))
    add_list("Bulge season 2026", season, owner)
    add_event(science.NAME_WITH_A_PLUS, owner)

    supernova = add_target(owner, extras=science.SUPERNOVA_EXTRAS, **science.SUPERNOVA)
    SpectroscopyReducedDatum.objects.bulk_create(
        [SpectroscopyReducedDatum(target=supernova, **science.spectrum())]
    )
    light_curve = science.photometry_file().encode()
    run_data_processor(
        add_product(supernova, "atlas-light-curve.csv", "photometry", light_curve)
    )

    standard = add_target(owner, **science.STANDARD)
    spectrum = science.spectrum_file().encode()
    run_data_processor(
        add_product(standard, "efosc2-standard.csv", "spectroscopy", spectrum)
    )
    # One that no TOM can read as it is; here nobody has tried.
    broken = science.broken_file().encode()
    add_product(standard, "broken-light-curve.csv", "photometry", broken)


def add_event(event: science.Event, owner: User) -> Target:
    """Make a microlensing event and its light curve."""
    target = add_target(
        owner,
        extras=event.extras,
        aliases=event.aliases,
        name=event.name,
        ra=event.ra,
        dec=event.dec,
        **event.fields,
    )
    # In bulk, as saving one by one would run the host's uniqueness check on each.
    PhotometryReducedDatum.objects.bulk_create(
        PhotometryReducedDatum(target=target, **point)
        for point in science.photometry(event)
    )
    return target


def add_target(
    owner: User,
    *,
    extras: dict[str, Any] | None = None,
    aliases: tuple[str, ...] = (),
    **fields: Any,
) -> Target:
    """Make a target that its owner may see and change."""
    target = Target(**{"type": Target.SIDEREAL, **fields})
    target.save(extras=extras or {}, names=list(aliases))
    target.give_user_access(owner)
    return target


def add_list(name: str, targets: list[Target], owner: User) -> None:
    """Make a target list as the host's own form does, with its maker's permissions."""
    target_list = TargetList.objects.create(name=name)
    target_list.targets.add(*targets)
    for action in ("view", "change", "delete"):
        assign_perm(f"tom_targets.{action}_targetlist", owner, target_list)


def add_product(target: Target, name: str, kind: str, content: bytes) -> DataProduct:
    """Make a data product with its file in the TOM's storage."""
    product = DataProduct(
        target=target, product_id=f"survey-{name}", data_product_type=kind
    )
    product.data.save(name, ContentFile(content), save=False)
    product.save()
    return product


def finding_chart() -> bytes:
    """Draw a few stars on a dark sky."""
    image = Image.radial_gradient("L").resize((96, 96)).convert("RGB")
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
