"""The science: directions, subspaces, panels, and the edits of the residual stream."""
