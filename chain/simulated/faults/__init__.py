"""Scripted faults of the stand-ins: what the clients of a real cluster and of the real Jupiter have to live with.

A `plan.FaultPlan` is a list of rules, each of which says when a fault strikes. `chain.simulated.world.World` puts it in
front of the node and of the Jupiter API alike, so that whoever asks over the real protocols meets it there.
"""
