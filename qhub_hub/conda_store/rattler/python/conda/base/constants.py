"""Names of files."""

PACKAGE_CACHE_MAGIC_FILE = "urls.txt"
