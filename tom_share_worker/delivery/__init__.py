"""How a share reaches another TOM.

A click becomes one `Share` row and the web request ends (`views`, `outbox`). After the
commit a hint, a Celery message that may be lost, asks a worker to look at the row
(`hints`, `tasks`). The worker

1. plans: turns the share into `Delivery` rows, chunk by chunk (`planner`);
2. dispatches: the one gate that decides what may go now (`dispatch`): due, its
   target arrived, the destination open, a slot free;
3. sends: claims the row (`claims`), loads what is to go (`parcels`), puts it into the
   other side's words (`payloads`, pure), talks HTTP (`destinations`), and records what
   came of it: the attempt, the fate of each data point (`ledger`), the next try
   (`tom_share_worker.retry`, pure), the destination's state (`gate`);
4. closes: derives the share's status from its deliveries (`closing`).

A persistent share asks without a click: what is saved for its target is noted
(`saved`), and a worker gathers the notes into shares (`continuous`, with `persistent`
and `echo`).

What the hints missed, the `sweep` finds. `actions` are the verbs of people: retry,
cancel, pause, resume.
"""
