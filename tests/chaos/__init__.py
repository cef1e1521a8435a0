"""Real processes, a seeded schedule of faults over a stream of jobs, then an audit: `make chaos`."""
