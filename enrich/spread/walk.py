"""Episodes: from each event forward through those of its theme. Compiled: a pass looks at every pair of events."""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np

from enrich.spread.compiled import compiled
from enrich.spread.scene import Scene
from enrich.spread.table import BURST, CLASSES, LONGEST, NEVER, REACH, SHORTEST, Bools, Floats, Ints

#: A place is attached from this score on: below 0 it adds little, but its own followers may add more.
ATTACH = -1.6
#: An episode stops growing at so many places.
MOST = 64
_NONE = -1e300
#: Above, log(1 + e^x) is x.
_LARGE = 30.0


class Episodes(NamedTuple):
    """Episodes found, the strongest first; members as compressed rows, the root first in each."""

    score: Floats
    start: Ints
    member: Ints
    #: Score of each member; that of the root is what its burst adds.
    value: Floats
    #: Index in ``member`` of each member's likeliest cause; -1 for the root.
    parent: Ints
    #: Whether each member has a link to its likeliest cause.
    linked: Bools

    @property
    def size(self) -> int:
        """How many episodes."""
        return len(self.score)

    @property
    def root(self) -> Ints:
        """The event that each episode began with."""
        return self.member[self.start[:-1]]


class _Buffers(NamedTuple):
    """Of one growing episode, (MOST,) each; ``linked``: 1 the event itself has a link to its cause, 2 its burst has."""

    member: Ints
    value: Floats
    parent: Ints
    linked: Ints
    children: Ints


@compiled
def pair(s: Scene, m: int, j: int, root: int) -> tuple[float, int]:
    """Score of event m as the cause of event j in an episode of ``root``; 1 where j has a link to m, 2 where its burst has."""
    lag = s.t[j] - s.t[m]
    if lag < SHORTEST or lag > LONGEST:
        return _NONE, 0
    own, kind = s.kind[s.place[root], s.place[j]], s.kind[s.place[m], s.place[j]]
    if kind == NEVER:
        return _NONE, 0
    score = s.alone[j] + s.log_lag[int(lag * 2)]
    if s.row[root] >= 0 and own != NEVER:
        family = s.family[s.row[root], s.place[j]]
        score += family if m == root else np.log(np.exp(family) * s.by_root + np.exp(s.log_prior[kind]) * s.by_cause)
    elif m == root:
        score += s.log_prior[kind]
    else:
        score += s.log_onward[own if own != NEVER else CLASSES, kind]
    for x in range(s.extra_start[j], s.extra_start[j + 1]):
        if s.extra_from[x] == m:
            return score + s.extra_value[x], 1 if s.extra_direct[x] else 2
    return score, 0


@compiled
def causes(s: Scene, j: int) -> list[int]:
    """Events that may be the cause of event j, and so the root of an episode with it."""
    found = [0 for _ in range(0)]
    for m in range(j - 1, -1, -1):
        if s.t[j] - s.t[m] > LONGEST:
            break
        if pair(s, m, j, m)[0] > ATTACH:
            found.append(m)
    return found


@compiled
def _joined(s: Scene, event: int, buffers: _Buffers, count: int, slot: int) -> tuple[float, int, int]:
    """Score of ``event`` over all members as its cause, the likeliest of them, and its link to it."""
    top, total, best, link = _NONE, 0.0, -1, 0
    for m in range(count):
        if m != slot:
            score, has = pair(s, buffers.member[m], event, buffers.member[0])
            if score > top:
                total = total * np.exp(top - score) + 1.0
                top, best, link = score, m, has
            elif score > _NONE:
                total += np.exp(score - top)
    return (top + np.log(total) if best >= 0 else _NONE), best, link


@compiled
def _slot(s: Scene, event: int, member: Ints, count: int) -> int:
    """The member at the place of ``event``; -1 without."""
    for m in range(1, count):
        if s.place[member[m]] == s.place[event]:
            return m
    return -1


@compiled
def _grow(s: Scene, bound: Floats, ceiling: Floats, taken: Bools, root: int, buffers: _Buffers) -> tuple[int, float]:
    """Grow the episode of ``root`` into the buffers; returns its size and score, or 0 where there is no link in it."""
    member, value, parent, linked, children = buffers
    member[0], value[0], parent[0], linked[0], children[0] = root, s.root[root], -1, 0, 0
    # what the prior, and several causes instead of one, can add at most
    added = max(s.log_prior.max(), s.log_onward.max(), s.family[s.row[root]].max() if s.row[root] >= 0 else _NONE)
    prior, count, latest, last = added, 1, s.t[root], len(ceiling) - 1
    for event in range(root + 1, s.end[root]):
        if s.t[event] - s.t[root] > REACH:
            break
        # no lag is shorter than that to the latest member
        if bound[event] + ceiling[min(int((s.t[event] - latest) * 2), last)] + added <= ATTACH:
            continue
        if taken[event] or s.place[event] == s.place[root]:
            continue
        slot = _slot(s, event, member, count)
        if slot >= 0 and children[slot] > 0:
            continue
        score, best, link = _joined(s, event, buffers, count, slot)
        if score <= ATTACH or (slot >= 0 and score <= value[slot]) or (slot < 0 and count == len(member)):
            continue
        if slot >= 0:
            children[parent[slot]] -= 1
        else:
            slot = count
            count += 1
            added = prior + np.log(count)
        latest = s.t[event]
        member[slot], value[slot], parent[slot], linked[slot], children[slot] = event, score, best, link, 0
        children[best] += 1
    total, links = value[0], 0
    for m in range(1, count):
        total += np.log1p(np.exp(value[m])) if value[m] < _LARGE else value[m]
        links += linked[m] > 0
    return (count, total) if links > 0 else (0, 0.0)


@compiled
def _bounds(s: Scene) -> tuple[Floats, Floats]:
    """What the score of each event cannot exceed without lag and prior, and what no lag from each step on can exceed."""
    bound, ceiling = s.alone.copy(), s.log_lag.copy()
    for j in range(len(s.t)):
        for x in range(s.extra_start[j], s.extra_start[j + 1]):
            bound[j] += max(s.extra_value[x], 0.0)
    for step in range(len(ceiling) - 2, -1, -1):
        ceiling[step] = max(ceiling[step], ceiling[step + 1])
    return bound, ceiling


@compiled
def _take(s: Scene, event: int, taken: Bools) -> None:
    """Mark an event and the further events of its burst."""
    for x in range(event, s.end[event]):
        if s.t[x] - s.t[event] > BURST:
            break
        if s.place[x] == s.place[event]:
            taken[x] = True


@compiled
def _select(s: Scene, roots: Ints, most: int) -> tuple[Floats, Ints, Ints, Floats, Ints, Ints]:
    """Take the strongest episode, and what is left of the others, until nothing is left."""
    taken, (bound, ceiling) = np.zeros(len(s.t), np.bool_), _bounds(s)
    buffers = _Buffers(
        np.empty(most, np.int64), np.empty(most, np.float64), np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    )
    heap = [(-1.0, 0) for _ in range(0)]  # empty lists of a known type
    scores, starts = [0.0 for _ in range(0)], [0]
    members, values, parents, links = [0 for _ in range(0)], [0.0 for _ in range(0)], [0 for _ in range(0)], [0 for _ in range(0)]
    for root in roots:
        count, score = _grow(s, bound, ceiling, taken, root, buffers)
        if count > 0 and score > 0:
            heap.append((-score, root))
    heapq.heapify(heap)
    while len(heap) > 0:
        before, root = heapq.heappop(heap)
        if taken[root]:
            continue
        count, score = _grow(s, bound, ceiling, taken, root, buffers)
        if count == 0 or score <= 0:
            continue
        if -score > before + 1e-9:  # weaker than it was: something of it is another one's by now
            heapq.heappush(heap, (-score, root))
            continue
        base = len(members)
        scores.append(score)
        for m in range(count):
            members.append(buffers.member[m])
            values.append(buffers.value[m])
            parents.append(base + buffers.parent[m] if m > 0 else -1)
            links.append(buffers.linked[m])
            _take(s, buffers.member[m], taken)
        starts.append(len(members))
    return np.array(scores), np.array(starts), np.array(members), np.array(values), np.array(parents), np.array(links)


def episodes(scene: Scene, roots: Ints | None = None) -> Episodes:
    """The strongest episodes that share no event, in falling order; each has two places or more and a link.

    :param roots: the events that an episode may begin with; all, if left out.

    Every root has one candidate. The strongest one takes its events, and the further events of their bursts; what is left
    of the others is grown again.
    """
    score, start, member, value, parent, linked = _select(scene, np.arange(len(scene.t)) if roots is None else roots, MOST)
    return Episodes(score, start, member, value, parent, linked == 1)
