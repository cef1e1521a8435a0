"""All of Audiotext on one machine where nothing is installed, for `make run` and the tests."""
