"""Templates of the pages, with their style and script (`rosettalaw.validation.page` fills them)."""
