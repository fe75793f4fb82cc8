"""The client without a view: ``client.Client`` is its public class."""
