"""Keeping groups as they ought to be while a connection lasts: scheduled, reconciled, renewed, erased."""
