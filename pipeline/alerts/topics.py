"""The topics of alerts, by name: known without anything that makes alerts."""

from __future__ import annotations

#: Topics that the stage reads beside those of rules, and that it writes.
TICKS, COMMANDS, ALERTS, GROUPS, SILENCES = "ticks", "alert_commands", "alerts", "alert_groups", "silences"
JOURNAL, SPOKEN, IN_FORCE, CLOCK = "alert_journal", "alert_spoken", "alert_rules", "alert_clock"
EVIDENCE, NOTIFICATIONS, DELIVERIES = "alert_evidence", "notifications", "deliveries"
#: What the stage reads.
INPUTS = ("related", "stories", "findings", "sources", TICKS, COMMANDS, DELIVERIES)
#: Topic → days that its records are kept; 0: as long as related documents, from which state is rebuilt, too; None: the last of each key.
TOPICS: dict[str, int | None] = {
    TICKS: None, COMMANDS: 7, ALERTS: 0, GROUPS: 0, SILENCES: 0, JOURNAL: 0, SPOKEN: 0, EVIDENCE: 0, IN_FORCE: None, CLOCK: None, NOTIFICATIONS: 30, DELIVERIES: 90,
}  # fmt: skip
