"""Methods that IQL is compared with, one file each."""
