"""The JSON API under /api/v1: handlers over the same verbs as the pages."""
