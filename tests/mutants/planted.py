"""The planted bugs, as data: where, what, what instead, and which tests must each catch it by themselves."""

from __future__ import annotations

from dataclasses import dataclass

_SIMULATION = "tests/simulation/test_simulation.py::test_whatever_goes_wrong_everything_that_must_hold_holds"
_FOUND = "tests/simulation/test_found.py"
_SET_ASIDE = "tests/actors/test_set_aside.py"
_EXIT_FLOW = "tests/actors/test_exit_flow.py"
_PRIORITY = "tests/actors/test_priority.py"
_RECOVERY = "tests/actors/test_recovery.py"
_SUPERVISION = "tests/actors/test_supervision.py"
_GUARDING = "tests/domain/test_guarding.py"
_EXITS = "tests/domain/test_exits.py"
_LIFE = "tests/domain/test_position_life.py"
_OVERTAKING = "tests/domain/test_overtaking.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One bug."""

    name: str
    file: str
    """Path from the project's root."""
    find: str
    """Text that is there exactly once."""
    replace: str
    tests: tuple[str, ...]
    """Selections of tests, as pytest takes them; each of them must fail."""


MUTANTS = (
    # Sold twice ---------------------------------------------------------------------------------------------
    Mutant(
        name="re-sign on time-out, marker or not",
        file="engine/domain/retry.py",
        find="exclusive = bool(order.marker_seed) and all(attempt.marked for attempt in live)",
        replace="exclusive = True",
        tests=(_SIMULATION, _OVERTAKING),
    ),
    Mutant(
        name="record after send",
        file="actors/executor.py",
        find=('moved on since the attempt was asked for")\n        self._store.commit(attempt)\n'),
        replace=(
            'moved on since the attempt was asked for")\n'
            "        self._chain.send(attempt.raw)\n"
            "        self._store.commit(attempt)\n"
        ),
        tests=(_SIMULATION, _EXIT_FLOW),
    ),
    Mutant(
        name="attempt for a router that died",
        file="actors/executor.py",
        find="if self._standing(order) is not OrderStatus.SUBMITTED:",
        replace="if order.status is not OrderStatus.SUBMITTED:",
        tests=(_FOUND,),
    ),
    Mutant(
        name="not found is called expired",
        file="actors/confirmer.py",
        find="if height > self._watched[s].attempt.last_valid_block_height",
        replace="if height >= 0",
        tests=(_SIMULATION, _EXIT_FLOW),
    ),
    Mutant(
        name="expiry without a search of the history",
        file="actors/confirmer.py",
        find="self._chain.statuses(past, search_history=True)",
        replace="self._chain.statuses(past)",
        tests=(_SIMULATION,),
    ),
    Mutant(
        name="a processed block is believed",
        file="actors/confirmer.py",
        find='elif status.confirmation != "processed" and self.now() - begun <= BUSY_FOR:',
        replace="else:",
        tests=(_SET_ASIDE,),
    ),
    Mutant(
        name="retry sells 100 %",
        file="engine/domain/guarding.py",
        find="min(failed.amount_tokens, position.remaining_tokens)",
        replace="position.remaining_tokens",
        tests=(_GUARDING, _EXIT_FLOW),
    ),
    # Not sold, or too late ----------------------------------------------------------------------------------
    Mutant(
        name="stop loss refused while a take profit is pending",
        file="engine/domain/guarding.py",
        find="if active is not None and not more_urgent(wanted.reason, active.reason):",
        replace="if active is not None:",
        tests=(_SIMULATION, _EXIT_FLOW),
    ),
    Mutant(
        name="supersede forgets the wanted exit",
        file="engine/domain/guarding.py",
        find="return replace(position, wanted_exit=action.wanted, updated_at=now)",
        replace="return replace(position, updated_at=now)",
        tests=(_SIMULATION, _EXIT_FLOW),
    ),
    Mutant(
        name="conflation loses the low",
        file="engine/domain/exits.py",
        find="low=min(self.low, newer.low),",
        replace="low=newer.low,",
        tests=(_SIMULATION, _PRIORITY, _EXITS),
    ),
    Mutant(
        name="EMERGENCY below stop loss",
        file="engine/domain/urgency.py",
        find="EMERGENCY = 0\n",
        replace="EMERGENCY = 15\n",
        tests=(_PRIORITY,),
    ),
    Mutant(
        name="FIFO mailbox",
        file="actors/mailbox.py",
        find='return int(getattr(message, "urgency", _UNRANKED))',
        replace="return 0",
        tests=(_PRIORITY,),
    ),
    Mutant(
        name="stop first in the mailbox",
        file="actors/mailbox.py",
        find="_STOP = 1_000_000\n",
        replace="_STOP = -1_000_000\n",
        tests=(_PRIORITY,),
    ),
    Mutant(
        name="no reserved slot",
        file="engine/domain/book.py",
        find="reserved = 0 if self.slots == 1 or urgency in RESERVED_FOR else 1",
        replace="reserved = 0",
        tests=(_PRIORITY, "tests/domain/test_book.py"),
    ),
    Mutant(
        name="slippage is never raised",
        file="engine/domain/retry.py",
        find="raised = min(order.max_slippage_bps * 2, policy.slippage_cap)",
        replace="raised = order.max_slippage_bps",
        tests=("tests/domain/test_retry.py",),
    ),
    # Forgotten ----------------------------------------------------------------------------------------------
    Mutant(
        name="drop recovery at start",
        file="actors/router.py",
        find="for order in self._store.orders(unfinished_only=True):\n            self._try_to_take_up(",
        replace="for order in []:\n            self._try_to_take_up(",
        tests=(_SIMULATION, _RECOVERY),
    ),
    Mutant(
        name="a position does not catch up",
        file="actors/position.py",
        find="        self._catch_up()\n",
        replace="",
        tests=(_SIMULATION,),
    ),
    Mutant(
        name="a dead executor keeps its order",
        file="actors/supervisor.py",
        find="if name in self._executors:",
        replace="if not name:",
        tests=(_SIMULATION,),
    ),
    Mutant(
        name="a new confirmer is told of nothing",
        file="actors/supervisor.py",
        find="if name == CONFIRMER:",
        replace="if not name:",
        tests=(_RECOVERY,),
    ),
    Mutant(
        name="alert not raised on CANCELLED",
        file="actors/router.py",
        find=(
            'event_of(order, "failed for good"), alert)\n'
            "        self._log(order)\n"
            "        self.tell(ALERTS, RaiseAlert(alert=alert))\n"
        ),
        replace=('event_of(order, "failed for good"))\n        self._log(order)\n'),
        tests=(_SIMULATION, _EXIT_FLOW),
    ),
    Mutant(
        name="an alert that was not delivered is forgotten",
        file="actors/alerts.py",
        find="elif told_at_start(alert, self.now()):",
        replace="elif not alert.title:",
        tests=(_SIMULATION, _FOUND),
    ),
    Mutant(
        name="handler guard removed",
        file="actors/base.py",
        find="except BaseException as error:  # noqa: BLE001 - see the class",
        replace="except KeyError as error:",
        tests=(_SUPERVISION,),
    ),
    Mutant(
        name="a panic keeps the slot",
        file="actors/executor.py",
        find="        except BaseException as error:\n            if not isinstance",
        replace="        except Exception as error:\n            if not isinstance",
        tests=(_SIMULATION, _EXIT_FLOW),
    ),
    # Booked wrongly -----------------------------------------------------------------------------------------
    Mutant(
        name="a fill on a retry is not booked",
        file="actors/router.py",
        find=(
            "        if flight is None or flight.landed is not None:\n"
            "            self._tell_of_second_fill(attempt, fill)\n"
        ),
        replace="        if flight is None or flight.landed is not None or flight.order.attempt_count > 1:\n",
        tests=(_SIMULATION, _EXIT_FLOW),
    ),
    Mutant(
        name="a take profit is taken twice",
        file="engine/domain/guarding.py",
        find="return replace(position, levels_taken=max(position.levels_taken, TAKE_PROFITS.index(reason) + 1))",
        replace="return position",
        tests=(_SIMULATION, _EXIT_FLOW),
    ),
    Mutant(
        name="PnL from the quote",
        file="engine/domain/guarding.py",
        find="pnl = Lamports(position.realized_pnl + fill.sol - cost_of(position, before, counted))",
        replace=(
            "quoted = int((order.expected_price or 0) * -fill.tokens * 10**9 / 10**position.decimals)\n"
            "    pnl = Lamports(position.realized_pnl + quoted - cost_of(position, before, counted))"
        ),
        tests=(_SIMULATION, _LIFE),
    ),
    Mutant(
        name="fees of reverted attempts are not booked",
        file="actors/router.py",
        find="self._one_less(charged(flight.order, fee.fee), message.failure, attempt, fee)",
        replace="self._one_less(flight.order, message.failure, attempt, fee)",
        tests=(_SIMULATION, _EXIT_FLOW),
    ),
    Mutant(
        name="9 decimals assumed",
        file="engine/domain/units.py",
        find="return Decimal(raw).scaleb(-decimals)",
        replace="return Decimal(raw).scaleb(-9)",
        tests=(_SIMULATION, _EXIT_FLOW, "tests/domain/test_units.py"),
    ),
    Mutant(
        name="dust rule off",
        file="engine/domain/position.py",
        find='DUST = Decimal("0.001")',
        replace="DUST = Decimal(-1)",
        tests=("tests/domain/test_position.py",),
    ),
    # Decided on a bad price ---------------------------------------------------------------------------------
    Mutant(
        name="a price that is no number is traded on",
        file="engine/domain/quality.py",
        find="if not math.isfinite(price):",
        replace="if price is None:",
        tests=("tests/domain/test_quality.py",),
    ),
    Mutant(
        name="a price of zero is traded on",
        file="engine/domain/quality.py",
        find="if price <= 0:",
        replace="if price < 0:",
        tests=(_SIMULATION, "tests/domain/test_quality.py"),
    ),
    # Believed what should not be ---------------------------------------------------------------------------
    Mutant(
        name="a status that the transaction contradicts is believed",
        file="actors/confirmer.py",
        find="if fill.moved == (status.failure is not None):",
        replace="if fill.moved is None:",
        tests=(_SET_ASIDE,),
    ),
    Mutant(
        name="a transaction is signed unseen",
        file="chain/transactions/inspection.py",
        find="    Reading(ordered).judge(list(_calls(decoded, lookup_tables)))",
        replace="    list(_calls(decoded, lookup_tables))",
        tests=("tests/chain/test_inspection.py",),
    ),
    # Harm that spreads ---------------------------------------------------------------------------------------
    Mutant(
        name="a poisoned message comes for ever",
        file="actors/failures.py",
        find="return run.count >= LIMIT and now < run.rests_until",
        replace="return run.count < 0",
        tests=(_SET_ASIDE,),
    ),
    Mutant(
        name="two engines for one wallet",
        file="engine/app.py",
        find="ports.store.acquire_lease(ports.signer.address, self._holder, now=ports.clock.now(), ttl=LEASE)",
        replace="ports.clock.now()",
        tests=("tests/system/test_daemon.py::test_a_second_engine_is_refused_while_the_first_lives",),
    ),
)
