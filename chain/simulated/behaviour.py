"""Where a node may be made to misbehave."""

from __future__ import annotations


class Behaviour:
    """How a node treats its callers; this one treats them well.

    Whole plans of faults are in `chain.simulated.faults`; a subclass is for a node that is made to misbehave by hand.
    """

    async def before(self, method: str) -> None:
        """Be called before *method* is served, for each call of a batch.

        May wait (latency), raise `chain.simulated.rpc_errors.RpcError` (an error answer) or
        `starlette.exceptions.HTTPException` (an HTTP status, such as 429).
        """

    def forwards(self, raw: bytes) -> bool:
        """Return whether the signed transaction *raw*, accepted by sendTransaction, is passed on to a leader."""
        del raw
        return True
