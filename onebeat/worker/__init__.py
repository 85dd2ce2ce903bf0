"""Who does the work, and what follows? Tasks, their runs, and the processes that run them."""
