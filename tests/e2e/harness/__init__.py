"""What the tests use to start a daemon and Panda3D programs, and to watch them."""
