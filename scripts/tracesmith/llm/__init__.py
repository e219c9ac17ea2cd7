"""
The language-model client that bugs, issues and agents share.

`client.Client(settings).ask(messages, stage=…, instance=…)` for a stage's own calls, `gateway.Gateway` for engines
that make theirs over HTTP. No answer is paid for twice, no cap is passed, no key is written down.
"""
