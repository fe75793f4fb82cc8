"""Every setting of a server, with its unit and its reason. Where its value comes from is `host/config`."""
