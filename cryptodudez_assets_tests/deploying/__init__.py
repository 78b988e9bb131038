"""Tests of deploy/: `make test-deploy`. They need what no other test needs (extras `deploy` and `k8s`), and are collected where it is."""
