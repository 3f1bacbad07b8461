"""Serial depth: tasks that no width, votes or parallel samples replace it in (arXiv 2507.12549)."""
