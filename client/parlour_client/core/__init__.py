"""The client without a view: ``client.Client`` is its face, ``interface`` what it offers."""
