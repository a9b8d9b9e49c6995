"""What we are measured against, each as its documentation says it is used, in a process of its own."""
