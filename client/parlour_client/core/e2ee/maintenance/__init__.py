"""Keeping groups as they should be while a connection lasts: scheduled, reconciled, renewed, erased."""
