"""Door for a TOM's DATA_PROCESSORS: data processors that are drop-in and fast."""

from tom_share_worker.toolkit.photometry import PhotometryProcessor

__all__ = ["PhotometryProcessor"]
