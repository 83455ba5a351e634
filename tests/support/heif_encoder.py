"""Lets Pillow write HEIF in tests. Shoebox brings what reads it alone, and that goes on reading."""

import pi_heif
import pillow_heif

pillow_heif.register_heif_opener()
pi_heif.register_heif_opener(thumbnails=False)
