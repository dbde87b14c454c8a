"""One of two ranks ends by an exception while the other waits for it: the job ends, with a status that is not 0."""
import os

import espalier

espalier.partition([[0., 0., 0.]], comm="world")
if os.environ["OMPI_COMM_WORLD_RANK"] == "1":
    raise RuntimeError("uncaught")
espalier.partition([[0., 0., 0.]], comm="world")
