"""An environment as a container image: reproducible, a layer per package, made without Docker and without root."""

from qhub_hub.environments.oci.export import HOME, PREFIX, Image, export_image
from qhub_hub.environments.oci.reference import ImageError, Reference, parse_reference

__all__ = ["HOME", "PREFIX", "Image", "ImageError", "Reference", "export_image", "parse_reference"]
