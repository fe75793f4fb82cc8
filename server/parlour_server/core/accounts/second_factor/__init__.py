"""The second factor: codes of an app, recovery codes, security keys; who has them, and who must."""
