#| title: coroutines, tasks and an event loop
#| traced: 2000
#| verdict: passed
#| cut: steps | none
#| stops: trace-budget
import asyncio

async def step(n):
    await asyncio.sleep(0)
    return n

async def main():
    return sum(await asyncio.gather(*[step(i) for i in range(300)]))

def f(x):
    return asyncio.run(main()) - 44848
