"""Text in, examples out: reads documents as bytes, assigns them to splits and cuts them into examples.

``readers`` streams documents from files, folders, standard input or the embedded corpus (``embedded``);
``splits`` says which documents are for training and which are held out; ``examples`` joins documents
into examples of equal length and shuffles them.

Nothing here knows of models or tokens.
"""
