"""The typed client of Shoebox's HTTP interface: ``from client.client import Client``."""
