"""How a share reaches another TOM.

1. Asking (`asking`): a click, a program or a command becomes one `Share` row, and the
   web request ends. A persistent share asks without a click (`continuous`). After the
   commit a hint, a Celery message that may be lost, has a worker look at the row
   (`hints`, `tasks`).
2. Planning (`planning`): the share becomes `Delivery` rows, chunk by chunk.
3. Dispatch (`dispatch`): the one gate that decides what may go now: due, its target
   arrived, the destination open (`gate`), a slot free.
4. Sending (`sending`): a worker claims the row, loads what is to go (`parcels`,
   `message`), has the destination put it into its words and talk HTTP
   (`destinations`), and records what came of it (`outcomes`): the attempt, the fate of
   each data point (`ledger`), the next try, what is remembered of the target there
   (`memory`).
5. Closing (`closing`): the share's status, derived from its deliveries.

`permissions` are asked at 1, 2 and 4. What the hints missed, the `sweep` finds.
`actions` are the verbs of people: retry, cancel, choose, pause, resume.
"""
