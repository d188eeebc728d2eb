"""Property: whatever is published, polled, committed, crashed and reopened, a bus behaves like a plain list."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from pipeline.errors import StaleBatchError
from pipeline.ports import Record, Topic
from tests.contract.bus_adapters import ADAPTERS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPICS = (Topic(name="in", partitions=2), Topic(name="out", partitions=2))
GROUPS = st.sampled_from(["a", "b"])
#: How many times more runs there are when all the time of the world is given.
TIMES = 5 if os.environ.get("TESTS_LONG") else 1


class BusModel(RuleBasedStateMachine):
    """The model: a list of what was published to each topic and, for each group, how many of each it has committed."""

    adapter = "sqlite"

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.bus = ADAPTERS[self.adapter].open(self.folder, TOPICS)
        self.published: dict[str, list[bytes]] = {"in": [], "out": []}
        self.committed: dict[str, list[bytes]] = {"a": [], "b": []}
        self.held: dict[str, object] = {}
        self.n = 0

    def records(self, topic: str, shards: list[int]) -> list[Record]:
        made = []
        for shard in shards:
            self.n += 1
            made.append(
                Record(
                    topic=topic,
                    key=f"k{self.n}",
                    value=f"{shard}:{self.n}".encode(),
                    shard=str(shard),
                    timestamp=NOON + timedelta(seconds=self.n),
                )
            )
        return made

    @rule(shards=st.lists(st.integers(0, 3), max_size=6))
    def publish(self, shards: list[int]) -> None:
        records = self.records("in", shards)
        self.bus.publish(records)
        self.published["in"] += [r.value for r in records]

    @rule(group=GROUPS, size=st.integers(1, 7))
    def poll(self, group: str, size: int) -> None:
        batch = self.bus.poll(group, ["in"], size)
        waiting = [v for v in self.published["in"] if v not in self.committed[group]]
        assert len(batch.records) == min(size, len(waiting))
        self.check_order(waiting, [r.value for r in batch.records])
        self.held[group] = batch

    @precondition(lambda self: self.held)
    @rule(data=st.data(), shards=st.lists(st.integers(0, 3), max_size=3))
    def commit(self, data: st.DataObject, shards: list[int]) -> None:
        group = data.draw(st.sampled_from(sorted(self.held)))
        batch = self.held.pop(group)
        outputs = self.records("out", shards)
        if any(r.value in self.committed[group] for r in batch.records):
            with pytest.raises(StaleBatchError):
                self.bus.commit(batch, outputs)
            return
        self.bus.commit(batch, outputs)
        self.committed[group] += [r.value for r in batch.records]
        self.published["out"] += [r.value for r in outputs]

    @precondition(lambda self: self.held)
    @rule()
    def commit_twice(self) -> None:
        """The second commit of a batch that held something is refused."""
        group, batch = self.held.popitem()
        if not batch.records or any(r.value in self.committed[group] for r in batch.records):
            return
        self.bus.commit(batch)
        self.committed[group] += [r.value for r in batch.records]
        with pytest.raises(StaleBatchError):
            self.bus.commit(batch)

    @rule()
    def reopen(self) -> None:
        self.bus.close()
        self.bus = ADAPTERS[self.adapter].open(self.folder, TOPICS)

    @rule()
    def crash(self) -> None:
        """What a kill leaves opens with everything committed."""
        self.folder = ADAPTERS[self.adapter].crash(self.bus, self.folder)
        self.bus = ADAPTERS[self.adapter].open(self.folder, TOPICS)

    @invariant()
    def nothing_lost(self) -> None:
        if not hasattr(self, "bus"):
            return
        for topic, values in self.published.items():
            assert self.bus.count(topic) == len(values)
            self.check_order(values, [r.value for r in self.bus.read(topic)])
        for group, done in self.committed.items():
            assert self.bus.lag(group, ["in"]) == {"in": len(self.published["in"]) - len(done)}

    def check_order(self, published: list[bytes], got: list[bytes]) -> None:
        """Of each shard the first ones, in their order."""
        for shard in {value.split(b":")[0] for value in got}:
            expected = [v for v in published if v.split(b":")[0] == shard]
            found = [v for v in got if v.split(b":")[0] == shard]
            assert found == expected[: len(found)]

    def teardown(self) -> None:
        if hasattr(self, "bus"):
            self.bus.close()
            shutil.rmtree(self.folder)


@pytest.mark.parametrize("adapter", sorted(ADAPTERS))
def test_a_bus_behaves_like_a_list(adapter):
    """No sequence of publish, poll, commit, crash and reopen loses, doubles or reorders a record."""
    machine = type(f"Model_{adapter}", (BusModel,), {"adapter": adapter})
    phases = set(Phase) if ADAPTERS[adapter].runs >= 1_000 else set(Phase) - {Phase.shrink}  # which takes hundreds of runs more
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=ADAPTERS[adapter].runs * TIMES, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck),
            phases=phases, database=None,
        ),
    )  # fmt: skip
