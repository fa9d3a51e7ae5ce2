"""Writes the tiny data files of this folder: tasks of our own, in the layouts in which public data sets are published.

Needs pyarrow for the parquet files. `python make.py` from this folder; the results are committed.
"""

import gzip
import json

import pyarrow
import pyarrow.parquet


def lines(name, records):
    text = "".join(json.dumps(record) + "\n" for record in records)
    if name.endswith(".gz"):
        with gzip.GzipFile(name, "wb", mtime=0) as file:
            file.write(text.encode())
    else:
        with open(name, "w") as file:
            file.write(text)


def parquet(name, records):
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), name)


# MBPP: carriage returns, setup code that needs the solution's class, a challenge test, a function found beside helpers.
MBPP = [
    {
        "task_id": 3,
        "text": "Write a function to add three.",
        "code": "def add_three(n):\r\n    return n + 3",
        "test_setup_code": "",
        "test_list": ["assert add_three(1) == 4", "assert add_three(-3) == 0", "assert add_three(7) == 10"],
        "challenge_test_list": [],
    },
    {
        "task_id": 11,
        "text": "Write a function to double every item.",
        "code": "def times(n):\r\n    return 2 * n\r\n\r\ndef double_all(items):\r\n    return [times(n) for n in items]",
        "test_setup_code": "",
        "test_list": [
            "assert double_all([1, 2]) == [2, 4]",
            "assert sorted(double_all((3,))) == [6]",
            "assert double_all([]) == []",
        ],
        "challenge_test_list": ["assert double_all([0.5]) == [1.0]"],
    },
    {
        "task_id": 12,
        "text": "Write a function to sum a chain of links.",
        "code": "class Link:\r\n    def __init__(self, value):\r\n        self.value = value\r\n        self.next = None\r\n\r\n"
        "def chain_sum(link):\r\n    total = 0\r\n    while link:\r\n        total += link.value\r\n        link = link.next\r\n"
        "    return total",
        "test_setup_code": "first = Link(1)\r\nfirst.next = Link(2)\r\nsecond = Link(5)",
        "test_list": ["assert chain_sum(first) == 3", "assert chain_sum(second) == 5", "assert chain_sum(first.next) == 2"],
        "challenge_test_list": [],
    },
    {
        "task_id": 600,
        "text": "Write a function whose reference is wrong.",
        "code": "def broken(n):\r\n    return n",
        "test_setup_code": "",
        "test_list": ["assert broken(1) == 1", "assert broken(2) == 3", "assert broken(3) == 3"],
        "challenge_test_list": [],
    },
]

HUMANEVAL = [
    {
        "task_id": "HumanEval/0",
        "prompt": 'from typing import List\n\n\ndef largest(items: List[int]) -> int:\n    """ The largest item.\n'
        '    >>> largest([1, 3, 2])\n    3\n    >>> largest([-1])\n    -1\n    """\n',
        "entry_point": "largest",
        "canonical_solution": "    return max(items)\n",
        "test": "\n\nMETADATA = {\n    'author': 'us'\n}\n\n\ndef check(candidate):\n    assert candidate([1, 3, 2]) == 3\n"
        "    assert candidate([5]) == 5, 'one item'\n    assert True\n\n",
    },
    {
        "task_id": "HumanEval/1",
        "prompt": 'def mirror(text):\n    """ The text backwards: mirror("ab") == "ba" """\n',
        "entry_point": "mirror",
        "canonical_solution": "    return text[::-1]\n",
        # More than asserts: stays one test.
        "test": "def check(candidate):\n    import random\n    for _ in range(5):\n        text = str(random.random())\n"
        "        assert candidate(candidate(text)) == text\n    assert candidate('xy') == 'yx'\n",
    },
]

MBPP_PLUS = [
    {
        "task_id": "Mbpp/2",
        "prompt": '"""\nWrite a function to find the common items of two tuples.\nassert set(similar_elements((1, 2),(2, 3))) == set((2,))\n"""\n',
        "entry_point": "similar_elements",
        "canonical_solution": "\ndef similar_elements(one, two):\n    return tuple(set(one) & set(two))\n",
        "base_input": [[[1, 2], [2, 3]], [[], []]],
        "plus_input": [[[n, 7], [7, 8, 9]] for n in range(60)],
        "atol": 0,
        "contract": '\n    assert isinstance(one, tuple), "invalid inputs" # $_CONTRACT_$\n',
        "assertion": "\nassert set(similar_elements((1, 2),(2, 3))) == set((2,))\nassert set(similar_elements((),())) == set(())\n",
    },
    {
        "task_id": "Mbpp/9000",
        "prompt": '"""\nWrite a function to halve a number.\nassert halve(4) == 2.0\n"""\n',
        "entry_point": "halve",
        "canonical_solution": "\ndef halve(n):\n    return n / 2\n",
        # What a JSON parser without arbitrary precision would spoil.
        "base_input": [[4], [10**30]],
        "plus_input": [[0.1], [float("inf")], [-7]],
        "atol": 0,
        "contract": "",
        "assertion": "import math\n\nassert math.isclose(halve(4), 2.0)\n",
    },
    {
        "task_id": "Mbpp/434",
        "prompt": '"""\nWrite a function to check whether a text has an a.\nassert check_str("cat")\n"""\n',
        "entry_point": "check_str",
        "canonical_solution": "\nimport re\ndef check_str(text):\n    return re.search('a', text)\n",
        "base_input": [["cat"], ["dog"]],
        "plus_input": {},
        "atol": 0,
        "contract": "",
        "assertion": '\nassert check_str("cat")\nassert not check_str("dog")\n',
    },
]

HUMANEVAL_PLUS = [
    {
        **HUMANEVAL[0],
        "contract": '    assert items, "invalid inputs" # $_CONTRACT_$\n',
        "base_input": [[[1, 3, 2]], [[5]]],
        "plus_input": [[[n, -n]] for n in range(30)],
        "atol": 0,
    },
    {
        "task_id": "HumanEval/32",
        "prompt": 'def find_zero(xs):\n    """ A root of the polynomial with these coefficients.\n    >>> find_zero([-2, 1])\n    2.0\n    """\n',
        "entry_point": "find_zero",
        "canonical_solution": "    return -xs[0] / xs[1]\n",
        "contract": "",
        "test": "def check(candidate):\n    assert candidate([-2, 1]) == 2\n",
        "base_input": [[[-2, 1]]],
        "plus_input": [[[3, 3]]],
        "atol": 0.0001,
    },
]

CODE_CONTESTS = [
    {
        "name": "1_A. Sum",
        "description": "Print the sum of two numbers.",
        "public_tests": {"input": [f"{n} 1\n" for n in range(4)], "output": [f"{n + 1}\n" for n in range(4)]},
        "private_tests": {"input": ["5 5\n"], "output": ["10\n"]},
        "generated_tests": {"input": ["-1 1\n", "9 9\n"], "output": ["0\n", "18\n"]},
        "solutions": {
            "language": [2, 3],
            "solution": ["#include <iostream>", "a, b = map(int, input().split())\nprint(a + b)\n"],
        },
    }
]

LISTED = [
    {
        "id": 7,
        "content": "Print the number twice.",
        "labels": '{"name": "2_A. Twice"}',
        "test": json.dumps([{"input": {"stdin": f"{n}\n"}, "output": {"stdout": f"{n}\n{n}\n"}} for n in range(5)]),
    }
]

CONTEXT = '''
import copy


def generate_test_case(test_case_id):
    def define_test_input(test_case_id):
        return [[3, 1, 2], [5, 4]][test_case_id - 1]

    test_input = define_test_input(test_case_id)
    return test_input, sorted(copy.deepcopy(test_input))


def exec_test(result, ans):
    return int(result == ans)


exec_context = r"""
items = test_input
[insert]
"""


def test_execution(solution: str):
    code = exec_context.replace("[insert]", solution)
    for i in range(2):
        test_input, expected_result = generate_test_case(i + 1)
        test_env = {"test_input": test_input}
        exec(code, test_env)
        assert exec_test(test_env["result"], expected_result)


def test_string(solution: str):
    assert "while" not in solution
'''

DS1000 = [
    {
        "prompt": "Problem:\nSort the items into result.\n",
        "reference_code": "result = sorted(items)",
        "metadata": {"problem_id": 4, "library": library},
        "code_context": CONTEXT,
    }
    for library in ["Ourlib", "Tensorflow"]
]
DS1000[1]["metadata"]["problem_id"] = 5
# Needs a module that nobody has.
DS1000.append(
    {
        **DS1000[0],
        "metadata": {"problem_id": 6, "library": "Ourlib"},
        "code_context": "import egcfg_no_such_module.part\n" + CONTEXT,
    }
)

TASKS = [
    {"id": "square", "prompt": "square a number", "tests": ["assert square(3) == 9"], "hidden_tests": ["assert square(-2) == 4"], "solution": "def square(n):\n    return n * n\n"},
    {"id": "echo", "prompt": "print the line", "io": [{"stdin": "hi\n", "stdout": "hi\n"}], "solution": "def solve():\n    print(input())\n"},
]

if __name__ == "__main__":
    lines("mbpp.jsonl", MBPP)
    lines("mbpp_et.jsonl.gz", [{**record, "test_case_list": record["test_list"] + ["assert True"]} for record in MBPP[1:3]])
    lines("humaneval.jsonl.gz", HUMANEVAL)
    lines(
        "humaneval_et.jsonl",
        [{**HUMANEVAL[0], "test_case_list": [f"assert largest([{n}, 0]) == {n}" for n in range(40)]}],
    )
    lines("mbpp_plus.jsonl", MBPP_PLUS)
    lines("humaneval_plus.jsonl", HUMANEVAL_PLUS)
    lines("code_contests.jsonl", CODE_CONTESTS)
    lines("code_contests_listed.jsonl", LISTED)
    lines("ds1000.jsonl.gz", DS1000)
    lines("tasks.jsonl", TASKS)
    parquet("mbpp.parquet", MBPP)
    parquet("humaneval.parquet", HUMANEVAL)
    parquet("code_contests.parquet", CODE_CONTESTS)
    parquet("ds1000.parquet", DS1000)
    check = """import numpy as np

def is_floats(x) -> bool:
    return isinstance(x, float) or isinstance(x, np.ndarray) and x.dtype in (np.float64, np.float32)

def assertion(out, exp, atol):
    if atol == 0 and is_floats(exp):
        atol = 1e-6
    if out != exp and atol != 0:
        assert np.allclose(out, exp, rtol=1e-07, atol=atol)
    else:
        assert out == exp

"""
    parquet(
        "mbpp_plus.parquet",
        [
            {
                "task_id": 9001,
                "code": "def halve(n):\n    return n / 2",
                "prompt": "Write a function to halve a number.",
                "source_file": "ours.ipynb",
                "test_imports": ["import math"],
                "test_list": ["assert halve(4) == 2.0", "assert math.isclose(halve(1), 0.5)"],
                "test": check + "inputs = [[4], [1], [0.3]]\nresults = [2.0, 0.5, 0.1 + 0.05]\n"
                "for i, (inp, exp) in enumerate(zip(inputs, results)):\n    assertion(halve(*inp), exp, 0)\n",
            }
        ],
    )
    parquet(
        "humaneval_plus.parquet",
        [
            {
                **{key: HUMANEVAL[0][key] for key in ("task_id", "prompt", "canonical_solution", "entry_point")},
                "test": check + "def check(candidate):\n    inputs = [[[1, 3, 2]], [[5]]]\n    results = [3, 5]\n"
                "    for i, (inp, exp) in enumerate(zip(inputs, results)):\n        assertion(candidate(*inp), exp, 0)\n",
            }
        ],
    )
