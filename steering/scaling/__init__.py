"""How many machines a crowd needs: a simulation of visitors in front of replicas."""
