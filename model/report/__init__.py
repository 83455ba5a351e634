"""What a bundle does on given photos, as a page for people and as JSON for programs: needs the report extra."""
