"""What tests of the package ask of its exceptions."""


def raises(kind, words, function, *arguments, **keywords):
    """The call raises this kind, with a message that holds all of "a|b"."""
    try:
        function(*arguments, **keywords)
    except kind as told:
        assert all(word in str(told) for word in words.split("|")), told
    else:
        raise AssertionError(f"no {kind.__name__}: {words}")
