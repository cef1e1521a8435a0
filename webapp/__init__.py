"""The Audiotext application: `core` is the domain, `pages` and `api` are its two faces."""
