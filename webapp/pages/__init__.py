"""The pages a person sees: HTML handlers over the verbs of `webapp.core`."""
