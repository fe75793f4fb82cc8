"""Widgets that show text of others safely, and small screens made of them."""
