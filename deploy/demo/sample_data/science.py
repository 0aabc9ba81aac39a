"""Made-up targets and measurements of a microlensing survey, for `seed_demo`.

Pure values: the same every time, so that what arrives at the other TOM can be compared.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

SEASON_START = datetime(2026, 4, 2, 3, 12, 45, 250_000, tzinfo=UTC)


@dataclass(frozen=True)
class Event:
    """A microlensing event: where it is, and how the lens brightens the star."""

    name: str
    ra: float
    dec: float
    baseline: float
    peak_day: float
    impact: float
    timescale: float
    points: int = 24
    aliases: tuple[str, ...] = ()
    extras: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, float] = field(default_factory=dict)

    def magnitude(self, day: float) -> float:
        """Return the brightness by the formula of Paczynski."""
        u2 = self.impact**2 + ((day - self.peak_day) / self.timescale) ** 2
        return self.baseline - 2.5 * math.log10((u2 + 2) / math.sqrt(u2 * (u2 + 4)))


FOLLOWED = Event(
    "Gaia26bqk", 267.84125, -29.503861, 18.62, 71.4, 0.083, 31.7, points=120,
    aliases=("OGLE-2026-BLG-0214", "KMT-2026-BLG-0107"),
    extras={"classification": "Microlensing PSPL", "event_timescale": 31.7},
    fields={"epoch": 2016.0, "pm_ra": -3.182, "pm_dec": -5.911, "parallax": 0.412},
)  # fmt: skip

SEASON = (
    Event("OGLE-2026-BLG-0312", 268.10467, -30.11203, 17.31, 40.2, 0.31, 19.4),
    Event(
        "KMT-2026-BLG-0871",
        265.97713,
        -27.98314,
        19.04,
        88.6,
        0.12,
        44.0,
        aliases=("MOA-2026-BLG-0290",),
    ),
    Event("Gaia26cvz", 271.33082, -25.64577, 16.88, 63.0, 0.54, 27.5),
    Event("OGLE-2026-GD-0021", 281.50911, -3.72046, 17.95, 55.3, 0.22, 61.2),
)

NAME_WITH_A_PLUS = Event("SDSS J0101+0202", 15.2537, 2.0391, 18.2, 20.0, 0.9, 12.0, 6)

SUPERNOVA: dict[str, Any] = {
    "name": "AT 2026kdf",
    "ra": 184.772083,
    "dec": 9.114722,
    "epoch": 2000.0,
    "distance": 78.4,
    "distance_err": 5.1,
}
SUPERNOVA_EXTRAS: dict[str, Any] = {"redshift": 0.01784, "classification": "SN Ia"}

STANDARD: dict[str, Any] = {
    "name": "LTT 6248",
    "ra": 234.74354,
    "dec": -28.59439,
    "epoch": 2000.0,
}

COMET: dict[str, Any] = {
    "name": "C/2026 D2 (Lemmon)",
    "type": "NON_SIDEREAL",
    "scheme": "MPC_COMET",
    "epoch_of_elements": 61200.0,
    "epoch_of_perihelion": 61334.4182,
    "perihdist": 1.0927,
    "eccentricity": 0.99871,
    "inclination": 104.6291,
    "lng_asc_node": 212.9318,
    "arg_of_perihelion": 45.1176,
}


def photometry(event: Event) -> Iterator[dict[str, Any]]:
    """Yield a season of detections in three bands, and limits on cloudy nights."""
    dice = random.Random(event.name)
    sites = (
        ("Gaia", "Gaia-SC", "G", 0.0, ""),
        ("LCO 1m CTIO", "sinistro fa15", "ip", -0.42, "pyDANDIA 1.0"),
        ("LCO 1m SAAO", "sinistro fa06", "gp", 0.71, "pyDANDIA 1.0"),
    )
    for number in range(event.points):
        telescope, instrument, bandpass, colour, version = sites[number % 3]
        day = 120.0 * number / event.points + dice.uniform(0, 0.3)
        point = {
            "timestamp": SEASON_START + timedelta(days=day),
            "telescope": telescope,
            "instrument": instrument,
            "bandpass": bandpass,
            "unit": "AB mag",
            "reduction_version": version,
        }
        if bandpass != "G":
            point["exposure_time"] = 300.0
        if bandpass == "gp" and dice.random() < 0.3:
            yield point | {"limit": round(dice.uniform(19.6, 21.4), 3)}
            continue
        error = abs(dice.gauss(0.012, 0.004)) + 0.003
        yield point | {
            "brightness": event.magnitude(day) + colour + dice.gauss(0, error),
            # Gaia's alerts carry no errors.
            "brightness_error": None if bandpass == "G" else error,
        }
    yield from _second_reduction(event)


def _second_reduction(event: Event) -> Iterator[dict[str, Any]]:
    """Yield the nights of the peak in two reductions, the later with better clocks."""
    for number in range(4):
        day = event.peak_day + number / 8
        for version, shift in (("pyDANDIA 1.0", 0.0), ("pyDANDIA 2.0", 0.013)):
            yield {
                "timestamp": SEASON_START + timedelta(days=day, minutes=100 * shift),
                "telescope": "LCO 1m SSO",
                "instrument": "sinistro fa12",
                "bandpass": "ip",
                "unit": "AB mag",
                "reduction_version": version,
                "exposure_time": 60.0,
                "brightness": event.magnitude(day) - 0.42 + shift,
                "brightness_error": 0.004,
            }


def spectrum(points: int = 200) -> dict[str, Any]:
    """Return the spectrum of a type Ia supernova near maximum, in broad strokes."""
    dice = random.Random("spectrum")
    wavelength = [3500.0 + 6000.0 * step / (points - 1) for step in range(points)]
    flux = [
        1e-15
        * (6000.0 / w) ** 1.8
        * (1 - 0.55 * math.exp(-(((w - 6150.0) / 90.0) ** 2)))
        * (1 + dice.gauss(0, 0.02))
        for w in wavelength
    ]
    return {
        "timestamp": SEASON_START + timedelta(days=50.125),
        "telescope": "NTT",
        "instrument": "EFOSC2",
        "setup": "Gr#13, slit 1.0",
        "exposure_time": 900.0,
        "wavelength": wavelength,
        "flux": flux,
        "error": [0.02 * value for value in flux],
        "flux_unit": "erg / (Angstrom s cm2)",
        "wavelength_unit": "Angstrom",
        "reduction_version": "PESSTO 3.1",
    }


def photometry_file() -> str:
    """Return a CSV file of the supernova's light curve, limits first."""
    dice = random.Random("file")
    rows = ["time,magnitude,error,limit,filter,telescope,instrument"]
    for number in range(30):
        mjd = 61140.05 + 2 * number
        band = "gr"[number % 2]
        if number < 4:
            rows.append(f"{mjd:.5f},,,{20.1 + 0.1 * number:.2f},{band},ATLAS,ACAM")
        else:
            magnitude = 15.2 + 0.002 * (number - 14) ** 2 + dice.gauss(0, 0.02)
            rows.append(f"{mjd:.5f},{magnitude:.4f},0.0210,,{band},ATLAS,ACAM")
    return "\n".join(rows) + "\n"


def long_photometry_file(rows: int) -> str:
    """Return a CSV file of a season in which one camera looked each few minutes."""
    dice = random.Random("long")
    lines = ["time,magnitude,error,filter,telescope,instrument"]
    for number in range(rows):
        magnitude = FOLLOWED.magnitude(120.0 * number / rows) + dice.gauss(0, 0.02)
        time = 61132.5 + 120.0 * number / rows
        lines.append(f"{time:.6f},{magnitude:.4f},0.0200,ip,MOA,MOA-cam3")
    return "\n".join(lines) + "\n"


WRONG_HEAD, RIGHT_HEAD = "mjd,magnitude", "time,magnitude"
"""How a column is called in the broken file, and how TOM Toolkit wants it."""


def broken_file() -> str:
    """Return a CSV file of photometry whose times stand under a wrong name."""
    rows = [f"{WRONG_HEAD},error,filter"]
    rows += [f"{61180 + 3 * n}.125,11.{80 + n % 7},0.004,V" for n in range(12)]
    return "\n".join(rows) + "\n"


def spectrum_file() -> str:
    """Return a CSV file of a spectrum of the standard star."""
    rows = ["# DATE-OBS: 2026-05-21", "# FACILITY: NTT", "wavelength,flux"]
    rows += [
        f"{4000 + 20 * n},{2e-14 * (5500 / (4000 + 20 * n)) ** 3:.6e}"
        for n in range(150)
    ]
    return "\n".join(rows) + "\n"
