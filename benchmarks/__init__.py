"""What `make bench` runs, and how tests and benchmarks start the app and a browser."""
