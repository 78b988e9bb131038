"""The HTTP API and the dashboard: a Litestar app over the registered models and the online feature store."""
