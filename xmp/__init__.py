"""XMP sidecars: tags put into them beside what others wrote, and taken out again. Imports none of our folders."""
