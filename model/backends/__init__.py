"""What runs the network: one file per engine, chosen once."""
