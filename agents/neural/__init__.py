"""Neural learners: many networks of one architecture at once, their parameters stacked on the agent axis.

State is numpy arrays, as for every learner; torch computes on them in tiles of a few agents, dealt to threads. Each
torch thread works alone: with all cores on one tiny matrix product training is slower, and erratic on a busy machine.
"""

import torch

torch.set_num_threads(1)
