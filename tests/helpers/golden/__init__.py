"""What the golden tests and docs/parity.md share: recordings, and how our methods replay them."""
