"""How long tests wait for what must come. Long, since a loaded machine is slow and nothing is proven by haste."""

SECONDS = 30.0
