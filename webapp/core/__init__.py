"""The domain: what can be done with recordings. Knows no HTTP, no HTML and no speech model."""
