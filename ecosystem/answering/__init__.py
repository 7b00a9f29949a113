"""Questions and answers in fact worlds: what is asked, what is retrieved, what is answered and written back."""
